"""A failing run made shorter: what is tried, who tries it, and what counts as smaller."""
