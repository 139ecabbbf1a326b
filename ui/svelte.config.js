// Runes everywhere; the compiler's warnings (accessibility among them) are errors in `npm run check`.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
};
