import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { i18n, lang } from "./i18n";
import { router } from "./router";
import "./theme";

document.documentElement.lang = lang.value;
createApp(App).use(createPinia()).use(i18n).use(router).mount("#app");
