"""What a search can vary and optimise: domains, spaces, samplers and objectives."""
