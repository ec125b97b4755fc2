"""Access logs played as they happened, and traffic made up."""
