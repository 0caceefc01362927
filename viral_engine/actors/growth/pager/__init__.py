"""`/growth/pager`: tells somebody at once of a case of child safety."""
