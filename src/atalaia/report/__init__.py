"""What a person reads afterwards: gathered, drawn, and told in three languages."""
