interface Size {
  readonly minified: number;
  readonly gzipped: number;
}

export function bundleSize(store?: string): Promise<{
  readonly start: Size;
  readonly all: Size;
  readonly others: readonly (Size & { readonly path: string })[];
  readonly modules: readonly { readonly path: string; readonly bytes: number; readonly lazy: boolean }[];
}>;
