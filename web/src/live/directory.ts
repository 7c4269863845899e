import { defineStore } from "pinia";
import { computed, ref, shallowReactive } from "vue";
import { api, type Branch, type Seat } from "@/api";

/** The branches and seats there are, by id: what their ids are called. */
export const useDirectory = defineStore("directory", () => {
  const branches = shallowReactive(new Map<string, Branch>());
  const seats = shallowReactive(new Map<string, Seat>());
  const loaded = ref(false);
  let running: Promise<void> | null = null;
  let again = false;

  async function load(): Promise<void> {
    const [allBranches, allSeats] = await Promise.all([api.branches(), api.seats()]);
    replace(branches, allBranches);
    replace(seats, allSeats);
    loaded.value = true;
  }

  /** Reads all again; requests that come while one runs share a second one. */
  function reload(): Promise<void> {
    if (running) {
      again = true;
      return running;
    }
    running = load()
      .catch(() => undefined) // names are shown as ids then, and the next roster event tries again
      .finally(() => {
        running = null;
        if (again) {
          again = false;
          void reload();
        }
      });
    return running;
  }

  const seatName = (id: string) => seats.get(id)?.name ?? id;
  const branchName = (id: string) => branches.get(id)?.name ?? id;

  /** The ids of a branch and of all below it. */
  function branchAndBelow(id: string): Set<string> {
    const found = new Set([id]);
    for (let grew = true; grew; ) {
      grew = false;
      for (const b of branches.values()) {
        if (found.has(b.parent) && !found.has(b.id)) {
          found.add(b.id);
          grew = true;
        }
      }
    }
    return found;
  }

  const branchTree = computed(() => buildTree([...branches.values()]));

  return { branches, seats, loaded, reload, seatName, branchName, branchAndBelow, branchTree };
});

function replace<T extends { id: string }>(map: Map<string, T>, all: T[]): void {
  const there = new Set(all.map((x) => x.id));
  for (const id of [...map.keys()]) if (!there.has(id)) map.delete(id);
  for (const x of all) map.set(x.id, x);
}

export interface BranchNode {
  branch: Branch;
  depth: number;
  children: BranchNode[];
}

/** The branches as trees, by name; one whose parent is missing is a root. */
export function buildTree(branches: Branch[]): BranchNode[] {
  const nodes = new Map(branches.map((b) => [b.id, { branch: b, depth: 0, children: [] as BranchNode[] }]));
  const roots: BranchNode[] = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(node.branch.parent);
    if (parent && parent !== node) parent.children.push(node);
    else roots.push(node);
  }
  const arrange = (list: BranchNode[], depth: number) => {
    list.sort((a, b) => a.branch.name.localeCompare(b.branch.name, "zh-CN", { numeric: true }));
    for (const node of list) {
      node.depth = depth;
      arrange(node.children, depth + 1);
    }
  };
  arrange(roots, 0);
  return roots;
}

/** The trees as a list, each parent before its children. */
export function flatTree(nodes: BranchNode[]): BranchNode[] {
  return nodes.flatMap((n) => [n, ...flatTree(n.children)]);
}
