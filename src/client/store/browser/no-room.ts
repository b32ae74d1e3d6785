/** What a browser's storage says that is full, for people. */
export async function noRoomText(name: string): Promise<string> {
  const used = await navigator.storage?.estimate().catch(() => null);
  const figures = used ? ` (${megabytes(used.usage)} of ${megabytes(used.quota)} used)` : "";
  return `the browser gives ${name} no more room${figures}: free some disk space; nothing of this write was kept`;
}

function megabytes(bytes = 0): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
