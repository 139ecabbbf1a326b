// People, providers and answers that do not exist, for tests and for the demo.
export * from './calls';
export { errors } from './errors';
export * from './leaving';
export * from './people';
