"""Made of one technique a file: imputing, scaling, encoding, the target. Fitted per fold by the stage that trains."""
