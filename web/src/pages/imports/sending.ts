import { DetailedError, Upload } from "tus-js-client";
import { type Uploaded, uploadsUrl, uploadUrl } from "@/api/imports";
import type { Picked } from "./gather";

// One file on its way, by tus: what can go wrong with it, and when to try again.

/** Each request has so much: a session that ended is noticed, and no proxy's limit reached. */
const chunkBytes = 32 << 20;

export interface Refusal {
  code: string;
  /** When it may be tried again: at once, when the network or server is back, … */
  again: "no" | "now" | "later" | "signedIn" | "room" | "never";
  /** What was there of it is gone. */
  gone?: boolean;
}

export interface Sending {
  /** The id of the upload, once there is one. */
  readonly upload: string | undefined;
  stop(): void;
}

export interface Hears {
  progress(sent: number): void;
  done(): void;
  refused(why: Refusal): void;
}

/** Sends a file, going on with an upload if there is one. */
export function sendFile(
  id: string,
  { path, file }: Picked,
  upload: string | undefined,
  hears: Hears,
): Sending {
  let stopped = false;
  const tus = new Upload(file, {
    endpoint: uploadsUrl(id),
    uploadUrl: upload ? uploadUrl(id, upload) : undefined,
    chunkSize: chunkBytes,
    metadata: { path, modified: String(file.lastModified) },
    retryDelays: null, // when to try again is decided for all files together
    storeFingerprintForResuming: false,
    onProgress: (sent) => hears.progress(sent),
    onSuccess: () => {
      if (!stopped) hears.done();
    },
    onError: async (err) => {
      if (stopped) return;
      const why = await refusalOf(err, file);
      if (!stopped) hears.refused(why);
    },
  });
  tus.start();
  return {
    get upload() {
      return tus.url?.split("/").at(-1) ?? upload;
    },
    stop() {
      stopped = true;
      void tus.abort();
    },
  };
}

/** Takes an upload away. */
export const discardUpload = (id: string, upload: string): Promise<void> =>
  Upload.terminate(uploadUrl(id, upload), { endpoint: uploadsUrl(id), retryDelays: null });

/**
 * Takes an upload away that is not whole, if it still stands where it was seen and
 * nobody sends more of it: what somebody else completes meanwhile stays.
 */
export async function discardPartial(id: string, { id: upload, offset }: Uploaded): Promise<void> {
  try {
    await Upload.terminate(uploadUrl(id, upload), {
      endpoint: uploadsUrl(id),
      retryDelays: null,
      headers: { "Upload-Offset": String(offset) },
    });
  } catch (err) {
    const status = err instanceof DetailedError ? err.originalResponse?.getStatus() : undefined;
    if (status !== 409 && status !== 404) throw err;
  }
}

/** What a failure means for the file, and for all others. */
export async function refusalOf(err: Error, file: Blob): Promise<Refusal> {
  const response = err instanceof DetailedError ? err.originalResponse : null;
  if (!response) {
    // A disk that was pulled out looks like a network that has gone.
    return (await isReadable(file))
      ? { code: "unreachable", again: "later" }
      : { code: "file_gone", again: "no" };
  }
  return refusedBy(response.getStatus(), codeIn(response.getBody()));
}

/** What the server's refusal means. */
export function refusedBy(status: number, code: string): Refusal {
  if (code === "import_begun" || code === "no_import") return { code, again: "never" };
  if (status === 401) return { code: "sign_in", again: "signedIn" };
  if (status === 507) return { code: "no_room", again: "room" };
  if (code === "path_taken") return { code, again: "no" };
  if (status === 409) return { code: code || "wrong_offset", again: "now" };
  if (status === 404 || status === 410) return { code: code || "no_upload", again: "now", gone: true };
  if (status === 408 || status === 429 || status >= 500)
    return { code: code || `http_${status}`, again: "later" };
  return { code: code || `http_${status}`, again: "no" };
}

function codeIn(body: string): string {
  try {
    const { code } = JSON.parse(body) as { code?: unknown };
    return typeof code === "string" ? code : "";
  } catch {
    return ""; // a proxy's page, or an answer without a body
  }
}

async function isReadable(file: Blob): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
