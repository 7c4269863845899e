import { bodyOf, client } from "./http";
import type { components, operations } from "./schema.gen";

// Bringing recordings of older recorders in.

type Schemas = components["schemas"];
export type Import = Schemas["Import"];
export type ImportState = Import["state"];
export type ImportSettings = Schemas["ImportSettings"];
export type ImportFile = Schemas["ImportFile"];
export type ImportFate = ImportFile["fate"];
export type ImportPreview = Schemas["ImportPreview"];
export type ImportRow = Schemas["ImportPreviewRow"];
export type ImportTable = Schemas["ImportTable"];
export type ImportReasons = Schemas["ImportReasons"];
export type ImportSuggestion = Schemas["ImportSuggestion"];
export type Uploaded = Schemas["Upload"];
export type UploadList = Schemas["UploadList"];
export type ImportFilesQuery = NonNullable<operations["list-import-files"]["parameters"]["query"]>;

const { GET, POST, PATCH, DELETE } = client;
const one = (id: string) => ({ params: { path: { id } } });

export const importsApi = {
  imports: (query: { cursor?: string; limit?: number }, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/imports", { params: { query }, signal })),
  import: (id: string, signal?: AbortSignal) => bodyOf(GET("/api/v1/imports/{id}", { ...one(id), signal })),
  addImport: (name: string) => bodyOf(POST("/api/v1/imports", { body: { name } })),
  changeImport: (id: string, body: { name?: string; settings?: ImportSettings }, signal?: AbortSignal) =>
    bodyOf(PATCH("/api/v1/imports/{id}", { ...one(id), body, signal })),
  removeImport: (id: string) => bodyOf(DELETE("/api/v1/imports/{id}", one(id))),
  preview: (id: string, settings: ImportSettings, signal?: AbortSignal) =>
    bodyOf(POST("/api/v1/imports/{id}/preview", { ...one(id), body: { settings }, signal })),
  suggestions: (id: string, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/imports/{id}/suggestions", { ...one(id), signal })).then((r) => r.suggestions),
  start: (id: string) => bodyOf(POST("/api/v1/imports/{id}/start", one(id))),
  stop: (id: string) => bodyOf(POST("/api/v1/imports/{id}/stop", one(id))),
  reasons: (id: string, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/imports/{id}/reasons", { ...one(id), signal })),
  files: (id: string, query: ImportFilesQuery, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/imports/{id}/files", { params: { path: { id }, query }, signal })),
  uploads: (id: string, query: { after?: string; limit?: number }, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/imports/{id}/uploads", { params: { path: { id }, query }, signal })),
};

const at = encodeURIComponent;

/** Where files are uploaded by tus, and where one of them goes on. */
export const uploadsUrl = (id: string) => `/api/v1/imports/${at(id)}/uploads`;
export const uploadUrl = (id: string, upload: string) => `${uploadsUrl(id)}/${at(upload)}`;
/** Every file with its fate, as a file to keep. */
export const reportUrl = (id: string, format: "csv" | "xlsx", lang: "zh" | "en") =>
  `/api/v1/imports/${at(id)}/report?format=${format}&lang=${lang}`;
