"""The SAM template, read and resolved as CloudFormation would."""
