"""The one place where parts are put together: `replay` for the past, `live` for now."""
