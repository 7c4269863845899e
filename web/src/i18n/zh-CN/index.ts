import admin from "./admin";
import analysis from "./analysis";
import archive from "./archive";
import capture from "./capture";
import dock from "./dock";
import errors from "./errors";
import evidence from "./evidence";
import imports from "./imports";
import integrity from "./integrity";
import login from "./login";
import player from "./player";
import recordings from "./recordings";
import seatPage from "./seatPage";
import shell from "./shell";
import wall from "./wall";
import words from "./words";

export default {
  words,
  errors,
  shell,
  login,
  wall,
  dock,
  admin,
  analysis,
  archive,
  capture,
  evidence,
  imports,
  integrity,
  player,
  recordings,
  seatPage,
};
