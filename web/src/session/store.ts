import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { type Action, api, type Me, onSignedOut, Problem, type Site } from "@/api";
import { setTimezone } from "@/lib/format";

/** Who is signed in, what they may do, and what the site is. */
export const useSession = defineStore("session", () => {
  const me = shallowRef<Me | null>(null);
  const site = shallowRef<Site | null>(null);
  /** True once we know whether somebody is signed in. */
  const known = ref(false);
  /** True after the server ended the session, until the next sign-in. */
  const expired = ref(false);

  /** Who was signed in last, as long as this page is open. */
  let last = "";

  const user = computed(() => me.value?.user ?? null);
  const may = (action: Action) => me.value?.allowed.includes(action) ?? false;

  async function load(): Promise<void> {
    if (known.value) return;
    const loadSite = api.site().then((s) => {
      site.value = s;
      setTimezone(s.timezone);
    });
    try {
      me.value = await api.me();
      last = me.value.user.id;
    } catch (err) {
      if (!(err instanceof Problem) || err.status !== 401) throw err;
    }
    await loadSite;
    known.value = true;
    expired.value = false;
  }

  /** Signs in; answers whether somebody else was here before, to whom belongs what pages remember. */
  async function signIn(name: string, password: string): Promise<boolean> {
    const answer = await api.login(name, password);
    const another = last !== "" && last !== answer.user.id;
    last = answer.user.id;
    me.value = { user: answer.user, allowed: answer.allowed };
    known.value = true;
    expired.value = false;
    return another;
  }

  async function signOut(): Promise<void> {
    await api.logout();
    me.value = null;
  }

  onSignedOut(() => {
    if (me.value) expired.value = true;
    me.value = null;
  });

  return { me, site, user, known, expired, may, load, signIn, signOut };
});
