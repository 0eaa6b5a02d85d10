"""What may be searched: domains, spaces, objectives."""
