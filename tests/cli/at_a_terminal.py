"""Runs a line of the shell with a terminal of its own: LINE QUESTION ANSWER [hidden].

Types the answer once when the question shows, if hidden only when the terminal shows nothing of it. What is said on the
terminal goes to stdout."""
import os, pty, sys, termios, time

line, question, answer = sys.argv[1:4]
hidden = sys.argv[4:] == ["hidden"]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", line])
seen, typed = b"", False
while True:
    try:
        data = os.read(terminal, 1024)
    except OSError:
        break
    if not data:
        break
    seen += data
    if question.encode() in seen and not typed:
        # Nobody types before the question has been read; by then the terminal shows nothing.
        for _ in range(500):
            if not hidden or not termios.tcgetattr(terminal)[3] & termios.ECHO:
                break
            time.sleep(0.01)
        os.write(terminal, answer.encode() + b"\n")
        typed = True
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
