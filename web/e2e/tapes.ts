// A folder as an older recorder leaves it, with what else lies in such folders.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { twoSidedMicrophone } from "./sound";

/** What its names mean. */
export const pattern = "{日期:yyyyMMdd}/{坐席}_{工号}_{号码}_{时刻:HHmmss}";
/** A file of it with both sides, of which the table has a row. */
export const stereo = "20160304/w1_1001_13900000001_101500.wav";

/** Makes the folder below another; answers its path. It has five recordings, one of them twice and one that is none. */
export function makeTapes(folder: string): string {
  const tapes = join(folder, "旧录音");
  const at = (name: string) => join(tapes, name);
  for (const day of ["20160304", "20160305"]) mkdirSync(at(day), { recursive: true });
  const spoken = join(folder, "spoken.wav");
  twoSidedMicrophone(spoken, "water-bill");
  const convert = (...args: string[]) => execFileSync("ffmpeg", ["-v", "error", ...args]);
  convert("-i", spoken, "-t", "20", "-ar", "8000", "-c:a", "pcm_s16le", at(stereo));
  const law = at("20160304/w1_1002_13900000002_111500.wav");
  execFileSync("sox", [spoken, "-r", "8000", "-e", "a-law", law, "trim", "3", "6"]);
  const mono = join(folder, "mono.wav");
  convert("-ss", "8", "-i", spoken, "-t", "7", "-ac", "1", "-ar", "16000", mono);
  const mp3 = at("20160305/h2_1003_02085550003_091000.mp3");
  execFileSync("lame", ["--quiet", "-b", "32", mono, mp3]);
  copyFileSync(mp3, at("20160305/h2_1003_02085550003_092000.mp3"));
  writeFileSync(at("20160305/h2_1004_13900000004_100000.mp3"), "<html>404</html>");
  writeFileSync(at("20160305/说明.pdf"), "%PDF-1.4");
  writeFileSync(at("20160305/Thumbs.db"), "left behind");
  const table = [
    "文件名,户号,业务类型",
    "w1_1001_13900000001_101500.wav,5502,水费咨询",
    "h2_1003_02085550003_091000.mp3,7701,报修",
  ].join("\r\n");
  writeFileSync(at("明细.csv"), execFileSync("iconv", ["-f", "UTF-8", "-t", "GB18030"], { input: table }));
  return tapes;
}
