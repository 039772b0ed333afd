"""Both ends in one process: a thread writes text, the main thread reads it."""

import os
import threading

import zerobuffer


def write(name: str) -> None:
    with zerobuffer.Writer.open(name, timeout=10) as writer:
        writer.write_metadata(b"plain text")
        for word in ("frames", "of", "any", "size"):
            writer.write(word.encode())


def main() -> None:
    name = f"example-{os.getpid()}"
    with zerobuffer.Reader(name, payload_size=4096) as reader:
        thread = threading.Thread(target=write, args=(name,))
        thread.start()
        metadata = reader.metadata(timeout=10)
        assert metadata is not None
        print("metadata:", metadata.decode())
        for frame in reader:
            with frame:  # gives the room back at once, not when the variable is bound anew
                print(frame.sequence, bytes(frame.data).decode())
        thread.join()


if __name__ == "__main__":
    main()
