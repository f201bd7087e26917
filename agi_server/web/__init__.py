"""What the house shows over HTTP."""
