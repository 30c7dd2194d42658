"""What is taken along or kept: a conversation, its record in JSON, and the formats that it is saved in."""
