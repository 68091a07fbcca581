export declare function concat(buffers: Iterable<Uint8Array>): Uint8Array<ArrayBuffer>;
export declare function equals(a: Uint8Array, b: Uint8Array): boolean;
export declare function startsWith(source: Uint8Array, prefix: Uint8Array): boolean;
