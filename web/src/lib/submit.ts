import { ref } from "vue";
import { sayProblem } from "./problem";

/** The state of something that is sent: whether it is on its way, and what went wrong. */
export function useSubmit() {
  const busy = ref(false);
  const problem = ref("");

  /** Does it, unless it is being done; answers whether it went well. */
  async function submit(work: () => Promise<void>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    problem.value = "";
    try {
      await work();
      return true;
    } catch (err) {
      problem.value = sayProblem(err);
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, problem, submit };
}
