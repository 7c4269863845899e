import { ref } from "vue";

/** Whether the list of keys is shown. */
export const keyHelpOpen = ref(false);
