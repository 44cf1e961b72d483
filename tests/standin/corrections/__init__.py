"""What moto answers differently from AWS, corrected: subclasses of moto's own classes, each method with its source."""
