"""The files of the user, and the resources of the machine."""
