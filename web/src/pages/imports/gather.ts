// Files out of what was dropped or chosen, with their paths.

/** A file and where it lay, with slashes, from the dropped folder's name on. */
export interface Picked {
  path: string;
  file: File;
}

/** What systems leave in folders, and nobody recorded. */
const leftBehind =
  /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information)(\/|$)/i;

export const isLeftBehind = (path: string): boolean => leftBehind.test(path);

/** The entries of a drop; they must be asked for before the event ends. */
export function entriesOf(data: DataTransfer): FileSystemEntry[] {
  return [...data.items].flatMap((item) => {
    const entry = item.kind === "file" ? item.webkitGetAsEntry() : null;
    return entry ? [entry] : [];
  });
}

/** What was found, and the paths of what the browser cannot read. */
export interface Gathered {
  picked: Picked[];
  unreadable: string[];
}

/**
 * All files below the entries; `found` is told how many there are as it goes on. What
 * cannot be read stops nothing else.
 */
export async function filesBelow(
  entries: FileSystemEntry[],
  found: (n: number) => void = () => undefined,
): Promise<Gathered> {
  const picked: Picked[] = [];
  const unreadable: string[] = [];
  const folders: FileSystemEntry[] = [...entries];
  for (let entry = folders.shift(); entry; entry = folders.shift()) {
    const path = entry.fullPath.replace(/^\/+/, "");
    if (isLeftBehind(path)) continue;
    try {
      if (entry.isFile) picked.push({ path, file: await fileOf(entry as FileSystemFileEntry) });
      else await contentOf(entry as FileSystemDirectoryEntry, folders);
    } catch {
      unreadable.push(entry.isFile ? path : `${path}/`);
    }
    found(picked.length);
  }
  return { picked, unreadable };
}

const fileOf = (entry: FileSystemFileEntry) => new Promise<File>((done, failed) => entry.file(done, failed));

/** A folder is read in pieces of a hundred, until one is empty; what was read goes to `all`. */
async function contentOf(folder: FileSystemDirectoryEntry, all: FileSystemEntry[]): Promise<void> {
  const reader = folder.createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return;
    all.push(...some);
  }
}

/** The files that an input with or without `webkitdirectory` has. */
export function filesOf(list: FileList | null): Picked[] {
  return [...(list ?? [])]
    .map((file) => ({ path: file.webkitRelativePath || file.name, file }))
    .filter((p) => !isLeftBehind(p.path));
}
