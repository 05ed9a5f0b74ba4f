import { createApp } from "vue";
import App from "./App.vue";
import { startLanguage } from "./i18n";
import { startTheme } from "./style/theme";
import "./style/tokens.css";
import "./style/base.css";
import "./style/controls.css";

startLanguage();
startTheme();
createApp(App).mount("#app");
