"""The pipeline of the template on one machine: moto, and what moto lacks."""
