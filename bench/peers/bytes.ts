import { Socket } from "node:net";

export interface Bytes {
  readonly down: number;
  readonly up: number;
}

/** Counts what passes through every TCP connection that this process opens from now on. */
export function countedBytes(): () => Bytes {
  const open = new Set<Socket>();
  const closed = { down: 0, up: 0 };
  const connect = Socket.prototype.connect;
  Socket.prototype.connect = function (this: Socket, ...options: never[]) {
    if (!open.has(this)) {
      open.add(this);
      this.once("close", () => {
        open.delete(this);
        closed.down += this.bytesRead;
        closed.up += this.bytesWritten;
      });
    }
    return (connect as (...options: never[]) => Socket).apply(this, options);
  } as typeof connect;
  return () => {
    const sum = { ...closed };
    for (const socket of open) {
      sum.down += socket.bytesRead;
      sum.up += socket.bytesWritten;
    }
    return sum;
  };
}
