"""Reading pages in a child process whose memory and processor time the kernel limits."""
