import { onBeforeUnmount, onMounted } from "vue";

/** What a key does; false: nothing this time, let others have it. */
export type KeyAction = (event: KeyboardEvent) => unknown;

const typing =
  "input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]";
const pressable =
  "button, a[href], [role=button], [role=menuitem], [role=option], summary, input[type=checkbox], input[type=radio]";

/** Whether a key pressed there belongs to the element that has the focus. */
function belongsToElement(event: KeyboardEvent): boolean {
  const el = event.target;
  if (!(el instanceof Element)) return false;
  if (el.closest(typing)) return true;
  if (el.closest("[role=dialog], [role=menu], [role=listbox]")) return true;
  if ((event.key === " " || event.key === "Enter") && el.closest(pressable)) return true;
  return (
    event.key.startsWith("Arrow") &&
    el.closest("input, [role=slider], [role=radiogroup], [role=tablist]") !== null
  );
}

/**
 * Binds keys while the component is there: letters in lower case, else the
 * event's key name; before both "Shift+" if it is held, unless the key is a sign
 * that needs it. Keys pressed inside fields and dialogs stay theirs.
 */
export function useKeys(keys: Record<string, KeyAction>): void {
  const press = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || belongsToElement(event))
      return;
    const single = event.key.length === 1;
    const plain = single ? event.key.toLowerCase() : event.key;
    const shifted = event.shiftKey && (!single || /[a-z]/.test(plain));
    const name = shifted ? `Shift+${plain}` : plain;
    const action = keys[name];
    if (action && action(event) !== false) event.preventDefault();
  };
  onMounted(() => window.addEventListener("keydown", press));
  onBeforeUnmount(() => window.removeEventListener("keydown", press));
}
