// One point: the frame stays live around its picture.
import { Live } from "/static/live.js";
import * as sound from "/static/sound.js";

new Live({ second: () => sound.keep(false) });
