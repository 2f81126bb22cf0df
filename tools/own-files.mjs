// A plugin of esbuild that refuses to put a package into a bundle: what pages load is the project's own.

export const ownFiles = {
  name: "own files",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]node_modules[/\\]/ }, ({ path }) => ({
      errors: [{ text: `${path}: no package may be part of what pages load` }],
    }));
  },
};
