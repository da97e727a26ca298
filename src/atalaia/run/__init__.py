"""The roots: `services` puts one program together; `local` and `aws` choose its home."""
