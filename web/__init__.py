"""The HTTP door for people: the pages of citizens, counters and auditors."""
