"""What a document needs besides amounts: parties, taxes, numbers, and the meters that it adds up."""
