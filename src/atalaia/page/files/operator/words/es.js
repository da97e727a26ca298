// Las palabras de lo que ven y hacen los operadores, en español.

const n = (count, one, many) => (count === 1 ? one : many).replace("#", count.toLocaleString("es"));

export const words = {
  person: "Persona", begun: "Desde", export: "Exportar", erase: "Borrar",
  tabs: { sources: "Fuentes", lag: "Retraso", deliveries: "Entregas", people: "Personas", rules: "Reglas", places: "Lugares", silences: "Silencios", drills: "Simulacros", wishes: "Pedidos", reports: "Informes" },
  town: "Ciudad", wished: "Pedida", last_wished: "Última vez",
  wishes_lead: "Ciudades que alguien pidió y que no tienen un lugar vigilado a menos de 200 km. No se guarda nada de quien pidió.",
  source: "Fuente", fresh: "Al día", is_fresh: "al día", is_stale: "atrasada", last: "Última respuesta", fault: "Falla", next: "Próximo intento", quota: "Llamadas que quedan",
  stage: "Etapa", value: "Valor",
  by_outcome: "Por resultado", all: "Todas",
  by: "Por quién", id: "Mensaje", channel: "Canal", status: "Estado", tries: "Intentos", reason: "Motivo", due: "Para", retry: "Intentar de nuevo", retried: "Va de nuevo",
  stages: {
    stream_offset: "Registros recibidos, en total", speed: "Registros que esperan la detección", speed_s: "Segundos que espera el más antiguo", archive: "Registros que esperan el archivo",
    board: "Alertas que esperan esta página", fan_out: "Alertas que esperan a sus destinatarios", step_s: "Último lote, de la lectura al guardado (s)", deliveries: "Mensajes que esperan el envío",
  },
  none: "Nada aquí.",
  hazard: "Peligro", place: "Lugar", until: "Hasta", hours: "Por cuántas horas", comment: "Por qué", any: "cualquiera", add_silence: "Silenciar", end_silence: "Terminar",
  drill_lead: "Un simulacro recorre el camino entero, marcado como ejercicio en cada mensaje (CAP: Exercise).",
  drill_level: "Nivel", drill_start: "Empezar el simulacro", drill_everyone: "También personas, y no solo organizaciones",
  drill_sure: (count, by) => `${n(count, "1 destinatario recibe", "# destinatarios reciben")} un mensaje marcado SIMULACRO${by && ` (${by})`}. ¿Empezar?`,
  drill_done: (people) => n(people, "Simulacro en curso: 1 destinatario.", "Simulacro en curso: # destinatarios."),
  not_here: "Esta parte no está activada en esta instalación.",
  yes: "Sí", no: "No",
  per: { minute: "en este minuto", hour: "en esta hora", day: "hoy", month: "en este mes" },
  of_person: (person) => `De ${person}`, messages: "Mensajes", acknowledge: "Fue leído", acknowledged: "leído", again: "De nuevo",
  add: "Avisar a alguien", add_lead: "Para quien se lo pidió. Con una prueba recibe desde ya; sin ella, recibe antes un código.",
  address: "Dirección", area: "Dónde", proof: "Prueba de que aceptó (un formulario de papel, por ejemplo)", organisation: "Es para una organización",
  from_level: "Todos los peligros desde", added: (person) => `Guardado como ${person}.`, to_confirm: (channels) => `Un código va por ${channels}.`,
  report_lead: "De todos los lugares, o de uno, y de un año como máximo. Se hace una vez cada diez minutos y puede tardar unos segundos.",
  report_all: "Todos los lugares", from: "Primer día", to: "Último día", form: "Como", make: "Hacer el informe", making: "Haciéndolo…", made: "Está entre sus descargas.",
};
