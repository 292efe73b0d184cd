-- Third step: what is said about the fact that joins two objects, a JSON object.

ALTER TABLE edges ADD COLUMN context TEXT;
