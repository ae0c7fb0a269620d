"""People, hubs, links, API keys and demo data, from the command line."""
