"""Minutes behind the weather: the stream into RAW, RAW into GOLD."""
