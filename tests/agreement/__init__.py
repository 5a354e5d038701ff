"""Agreement with a corpus of real websites: what we read of them beside what is known to be true."""
