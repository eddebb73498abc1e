"""Applications of the domain: each capability loads, decides and records; the only code that sequences ports."""
