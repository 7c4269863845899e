import { computed, onBeforeUnmount, onMounted, ref, shallowRef, watch } from "vue";
import { type DeviceRef, devicesOf, propose, type Setup } from "./devices";
import { LevelFeed } from "./levelFeed";
import { LevelMeter } from "./levelMeter";
import {
  askPermission,
  type Capture,
  listMicrophones,
  MicError,
  type MicTrouble,
  openMicrophones,
} from "./microphones";

/** The microphones there are, a choice among them, and how loud the chosen ones are; all of it ends with the screen. */
export function usePreview(first: Setup | null) {
  const devices = shallowRef<DeviceRef[]>([]);
  const setup = shallowRef<Setup | null>(first);
  const trouble = ref<MicTrouble | "">("");
  /** Whether the browser has been asked and has allowed it. */
  const allowed = ref(false);
  const capture = shallowRef<Capture | null>(null);
  const narrow = ref(false);
  const feed = new LevelFeed();
  let meter: LevelMeter | null = null;
  let turn = 0;
  let left = false;

  const complete = computed(() => setup.value !== null && devicesOf(setup.value).every((d) => d.id !== ""));

  async function list(): Promise<void> {
    try {
      devices.value = await listMicrophones();
      allowed.value = devices.value.some((d) => d.label !== "");
      if (!allowed.value) return;
      setup.value ??= propose(devices.value);
      trouble.value = devices.value.length === 0 ? "none" : "";
    } catch (err) {
      trouble.value = troubleOf(err);
    }
  }

  /** Asks for permission: needs a click in some browsers, and gives devices their names. */
  async function allow(): Promise<void> {
    try {
      await askPermission();
      await list();
    } catch (err) {
      trouble.value = troubleOf(err);
    }
  }

  function drop(): void {
    meter?.close();
    meter = null;
    capture.value?.close();
    capture.value = null;
    feed.clear();
  }

  async function open(): Promise<void> {
    const mine = ++turn;
    drop();
    if (!allowed.value || !complete.value || !setup.value) return;
    try {
      const opened = await openMicrophones(setup.value);
      if (mine !== turn || left) return opened.close();
      capture.value = opened;
      narrow.value = opened.narrow;
      trouble.value = "";
      meter = new LevelMeter(opened, feed.tell);
    } catch (err) {
      if (mine === turn) trouble.value = troubleOf(err);
    }
  }

  /** Hands the open microphones over: they go on without a moment's silence. */
  function handOver(): Capture | null {
    const opened = capture.value;
    opened?.wake();
    meter?.close();
    meter = null;
    capture.value = null;
    turn++;
    return opened;
  }

  function wake(): void {
    meter?.wake();
    capture.value?.wake();
  }

  const changed = () => void list();
  watch([setup, allowed], () => void open());
  onMounted(() => {
    navigator.mediaDevices?.addEventListener("devicechange", changed);
    addEventListener("pointerdown", wake);
    void list().then(open);
  });
  onBeforeUnmount(() => {
    left = true;
    navigator.mediaDevices?.removeEventListener("devicechange", changed);
    removeEventListener("pointerdown", wake);
    drop();
  });

  return { devices, setup, trouble, allowed, complete, narrow, feed, allow, handOver };
}

const troubleOf = (err: unknown): MicTrouble => (err instanceof MicError ? err.trouble : "failed");
