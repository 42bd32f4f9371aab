"""Who may see what, for which purpose, until when. Pure: no clock, disk, network or setting."""
