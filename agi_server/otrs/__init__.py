"""All that speaks to OTRS."""
