//! VirusTotal's API v3: the table of endpoints, the spine of a request, the objects.
