"""From files and frames to columns, and from columns to roles: which is the id, the time, the target."""
