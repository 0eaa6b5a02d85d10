"""The sections of a report: functions from the evidence to a section."""
