"""All that speaks to Asterisk."""
