"""`/growth/content`: what a decision should know of the text that an attempt would show."""
